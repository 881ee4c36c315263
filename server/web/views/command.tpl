% command = visitor.command
% found = bool(command) and sentence.endswith(command)
<p>{{sentence.removesuffix(command).rstrip() if found else sentence}}</p>\\
% if found:
<div class="command"><code>{{command}}</code> <button type="button" class="copy" hidden><span>Copy</span><span class="vh"> the command</span></button></div>\\
% end
