% rebase("layout.tpl")
<main class="single">
<div class="panel">
<p class="brand"><img src="{{root}}static/favicon.svg" alt="" width="28" height="28"><span>OTA Server</span></p>
<h1>Forget this device?</h1>
<p class="lead">All that is known of <strong>{{row.title}}</strong> goes:</p>
<ul class="files">
<li><b>Address</b>: <code>{{device.device}}</code></li>
% if device.name:
<li><b>Name</b>: {{device.name}}</li>
% end
% if device.group:
<li><b>Group</b>: {{device.group}}</li>
% end
% if device.update:
<li><b>Update</b>: {{row.look.word}}, {{!wrap(device.update.publish_id)}}</li>
% end
% if device.completed:
<li><b>Last whole download</b>: {{!wrap(device.completed)}}</li>
% end
</ul>
<p class="hint">What the history says of it stays. A release that no other device needs may then be removed by <code>--keep</code> or <code>--quota</code>. \\
% if moves:
It fetches something at the moment: with its next request it comes back, as a new device.\\
% else:
Heard again, it comes back as a new device.\\
% end
</p>
<form method="post" action="forget" class="buttons"><input type="hidden" name="sure" value="1"><a class="button" href="../{{here}}">Keep it</a><button class="danger">Forget</button></form>
</div>
</main>
