% rebase("layout.tpl")
<main class="single">
<div class="panel">
<p class="brand"><img src="{{root}}static/favicon.svg" alt="" width="28" height="28"><span>OTA Server</span></p>
<h1>{{title}}</h1>
<p class="lead">{{message}}</p>
<ul class="findings">\\
% include("findings.tpl", findings=findings)
</ul>
% if force:
<p class="hint">Publish it all the same? Go back, open Advanced, and tick “Publish even if the checks find errors”. Devices may refuse such a release.</p>
% end
<div class="buttons"><a class="button primary" href="{{root or './'}}">To the releases</a></div>
<p class="hint">Status {{status}}</p>
</div>
</main>
