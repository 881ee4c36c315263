% rebase("layout.tpl")
<main class="single">
<div class="panel">
<p class="brand"><img src="{{root}}static/favicon.svg" alt="" width="28" height="28"><span>OTA Server</span></p>
<h1>{{title}}</h1>
<p class="lead">{{message}}</p>
% if findings:
<ul class="findings">
% for severity, word, text in findings:
<li class="{{severity}}"><b>{{word}}</b> {{text}}</li>
% end
</ul>
% end
<div class="buttons"><a class="button primary" href="{{root or './'}}">To the releases</a></div>
<p class="hint">Status {{status}}</p>
</div>
</main>
