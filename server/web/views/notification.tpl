% rebase("layout.tpl")
<main class="single">
<div class="panel">
<p class="brand"><img src="{{root}}static/favicon.svg" alt="" width="28" height="28"><span>OTA Server</span></p>
<h1>Notifying devices</h1>
<p class="lead">about <strong>{{publish_id}}</strong></p>
<div class="results"><ul>
% for device, state, word, message in rows:
<li class="{{state}}"><code>{{device}}</code><b>{{word}}</b><span>{{message}}</span></li>
% end
</ul></div>
<p class="hint">Accepted means that the device took the message. Whether it then updates is another matter.</p>
% if refresh:
<p class="hint">This page looks again every {{refresh}} seconds until every device has answered.</p>
% end
<div class="buttons"><a class="button primary" href="{{root or './'}}">To the releases</a></div>
</div>
</main>
