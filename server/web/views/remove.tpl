% rebase("layout.tpl")
<main class="single">
<div class="panel">
<p class="brand"><img src="{{root}}static/favicon.svg" alt="" width="28" height="28"><span>OTA Server</span></p>
<h1>Remove this release?</h1>
<p class="lead">This deletes <strong>{{publish_id}}</strong>\\
% if forced:
 <span class="badge forced">Forced</span>\\
% end
 from the firmware folder, {{total}} in all:</p>
<ul class="files">
% for role, name, size in files:
<li><b>{{role}}</b>{{"" if name == role else f" ({name})"}}, {{size}}</li>
% end
</ul>
<p class="hint">A device that is fetching it right now may finish; no other device gets it any more. This cannot be undone here.</p>
<form method="post" action="{{root}}remove" class="buttons"><input type="hidden" name="publish_id" value="{{publish_id}}"><input type="hidden" name="sure" value="1"><a class="button" href="{{root or './'}}">Keep it</a><button class="danger">Remove</button></form>
</div>
</main>
