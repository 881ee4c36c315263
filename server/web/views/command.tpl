% said, found, command = sentence.partition(": sudo ")
<p>{{said}}{{":" if found else ""}}</p>\\
% if found:
<div class="command"><code>sudo {{command}}</code> <button type="button" class="copy" hidden><span>Copy</span><span class="vh"> the command</span></button></div>\\
% end
