% rebase("layout.tpl", script="devices.js", style="devices.css")
% include("device-signs.tpl")
<a class="skip" href="#devices-title">Skip to the devices</a>
<header class="top">
<div class="wide">
<a class="brand" href="{{root or './'}}"><img src="{{root}}static/favicon.svg" alt="" width="36" height="36"><span class="name">OTA Server</span></a>
<nav aria-label="Pages"><a href="{{root or './'}}">Releases</a><a href="{{root}}devices" aria-current="page">Devices</a></nav>
% include("who.tpl")
</div>
</header>
<p id="banner" class="banner" role="status"></p>
<p id="live" class="vh" role="status" aria-live="polite"></p>
<main class="wide fleet" data-now="{{now[0]}}" data-looks="{{looks}}" data-show="{{choice.group}}">
% if forgotten:
<p class="panel said" role="status"><strong>{{forgotten}}</strong> is forgotten. Heard again, it comes back as a new device.</p>
% end
<div id="works">
% include("works.tpl")
</div>
<div class="list-head">
<h1 id="devices-title" tabindex="-1">Devices <span class="count">{{counts[""]}}</span></h1>
<form class="filter" method="get" action="{{root}}devices" role="search"{{!"" if rows else " hidden"}}><label class="vh" for="filter">Filter the devices</label><input id="filter" name="q" type="search" value="{{choice.words}}" maxlength="{{longest_choice}}" placeholder="Name, board, release…" autocomplete="off" spellcheck="false">\\
% if choice.group:
<input type="hidden" name="show" value="{{choice.group}}">\\
% end
</form>
</div>
<nav class="groups" aria-label="Show devices by state"{{!"" if rows else " hidden"}}>
% for name, word, address in groups:
<a href="{{root}}{{address}}" data-group="{{name}}"{{!' aria-current="true"' if name == choice.group else ""}}>{{word}} <span class="number">{{counts[name]}}</span></a>
% end
</nav>
<p class="as-of">As it was on <time datetime="{{now[0]}}">{{now[1]}}</time>. <a href="{{root}}devices">Look again</a></p>
<div id="no-devices" class="panel empty"{{!" hidden" if rows else ""}}>
<h2>No device is known yet</h2>
<p>A device shows up here as soon as it is notified, fetches a file, or registers itself.</p>
<ol>
<li><strong>Notify your devices.</strong> On the <a href="{{root or './'}}">releases page</a>, open Notify devices at a release and give their URLs; or from a shell:
<div class="command"><code>python -m desktop.publish --notify-only '[fd00::2]/suit/trigger'</code></div></li>
<li><strong>Try it without hardware.</strong> Twenty simulated RIOT devices on this machine; it prints the URLs to notify:
<div class="command"><code>python -m server.rehearsal --count 20 --server 127.0.0.1:{{coap_port}}</code></div></li>
</ol>
</div>
<table role="table" class="devices" id="devices"{{!"" if rows else " hidden"}} aria-labelledby="devices-title"><thead role="rowgroup"><tr role="row"><th role="columnheader">Device</th><th role="columnheader">State</th><th role="columnheader">Release</th><th role="columnheader">Progress</th><th role="columnheader">Last seen</th></tr></thead>
<tbody role="rowgroup">
{{!drawn}}</tbody></table>
<p id="no-match" class="panel note"{{!" hidden" if not rows or shown else ""}}>No device matches.</p>
<template id="blank"><table><tbody>
% include("device-row.tpl", row=blank, shown=True)
</tbody></table></template>
% if visitor.notifies and releases:
% include("rollout.tpl")
% end
</main>
<footer class="bottom wide"><p>OTA Server {{version}}</p><p><a href="{{root}}api/v1/devices">This list as JSON</a> · <a href="{{root}}api/v1/history.csv">History as CSV</a></p></footer>
