% for f in findings:
<li class="{{f.severity}}"><b>{{f.word}}</b> \\
% if f.file:
<span class="of">{{f.file}}</span> \\
% end
<code>{{f.code}}</code> <p>{{!wrap(f.message)}}</p></li>\\
% end
