% rebase("layout.tpl", script="app.js")
<svg class="sprite" aria-hidden="true">
<symbol id="i-ready" viewBox="0 0 16 16"><path d="M3.5 8.5l3 3 6-7"/></symbol>
<symbol id="i-incomplete" viewBox="0 0 16 16"><path d="M8 4v4.2l2.6 1.6"/><circle cx="8" cy="8" r="6"/></symbol>
<symbol id="i-rejected" viewBox="0 0 16 16"><path d="M4.5 4.5l7 7M11.5 4.5l-7 7"/></symbol>
<symbol id="i-withdrawn" viewBox="0 0 16 16"><path d="M4 8h8"/></symbol>
<symbol id="i-drop" viewBox="0 0 16 16"><path d="M8 10.5V2.5M4.8 5.6L8 2.4l3.2 3.2M2.5 10v2.3a1.2 1.2 0 0 0 1.2 1.2h8.6a1.2 1.2 0 0 0 1.2-1.2V10"/></symbol>
</svg>
<a class="skip" href="#releases">Skip to the releases</a>
<header class="top">
<div class="wide">
<a class="brand" href="./"><img src="{{root}}static/favicon.svg" alt="" width="36" height="36"><h1>OTA Server</h1></a>
<nav aria-label="Pages" data-refresh="pages"><a href="./" aria-current="page">Releases</a><a href="devices">Devices{{f" {ctx.devices}" if ctx.devices else ""}}\\
% if ctx.in_trouble:
<span class="alarm"> · {{ctx.in_trouble}} {{"needs" if ctx.in_trouble == 1 else "need"}} a look</span>\\
% end
</a></nav>
% include("who.tpl")
<dl class="where" data-refresh="where">
<div><dt>Folder</dt><dd><code>{{!wrap(ctx.folder)}}</code></dd></div>
<div><dt>Devices fetch from</dt><dd><code>{{ctx.coap_url}}</code> <button type="button" class="copy" hidden><span>Copy</span><span class="vh"> the CoAP address</span></button></dd></div>
</dl>
</div>
</header>
<p id="banner" class="banner" role="status"></p>
<p id="live" class="vh" role="status" aria-live="polite"></p>
<main class="wide columns">
<section class="publish" aria-labelledby="publish-title">
<h2 id="publish-title">Publish a release</h2>
% if visitor.publishes:
% include("publish.tpl")
<form id="withdraw-form" method="post" action="withdraw"></form>
<form id="restore-form" method="post" action="restore"></form>
% else:
<div class="panel note">\\
% include("command.tpl", sentence=visitor.why_not)
% if visitor.can_log_in:
<div class="buttons"><a class="button primary" href="{{log_in}}">Log in</a></div>\\
% end
</div>
% end
% if visitor.removes:
<form id="remove-form" method="post" action="remove"></form>
% end
% if visitor.notifies:
<template id="notify-form">
% include("notify.tpl", names=None)
</template>
% if ready:
<noscript><h2>Notify devices</h2><div class="panel">
% include("notify.tpl", names=ready)
</div></noscript>
% end
% end
</section>
<div class="list">
% if ctx.notice:
<p class="panel notice" role="status">{{ctx.notice}}</p>
% end
<div data-refresh="problems">
% include("problems.tpl")
</div>
<div class="list-head">
<h2 id="releases" tabindex="-1">Releases <span class="count" data-refresh="count">{{count}}</span></h2>
<div class="filter" data-filter data-from="{{filter_from}}" hidden><label class="vh" for="filter">Filter the releases</label><input id="filter" type="search" placeholder="Filter by name, board, state…" autocomplete="off" spellcheck="false"><span class="matches" role="status"></span></div>
</div>
<div data-refresh="empty">
% if not count:
% include("empty.tpl")
% end
</div>
<div id="cards"{{!' class="many"' if count > many else ""}}>
{{!cards}}</div>
<p id="no-match" class="panel note" hidden></p>
</div>
</main>
<footer class="bottom wide"><p>OTA Server {{version}}</p><p><a href="api/v1/releases">This list as JSON</a> · <a href="api/v1/openapi.json">All requests (OpenAPI)</a></p></footer>
% if visitor.publishes:
<div id="veil" hidden><div><svg><use href="#i-drop"/></svg><p>Drop the files to fill in the form</p><p class="hint">manifest, slot0 and slot1 are told apart by their names</p></div></div>
% end
% if visitor.removes:
<dialog id="remove-dialog" aria-labelledby="remove-title" aria-describedby="remove-text">
<h2 id="remove-title">Remove this release?</h2>
<p id="remove-text">This deletes <strong class="name"></strong> <span class="badge forced" hidden>Forced</span> from the firmware folder:</p>
<ul class="files"></ul>
<p class="hint">A device that is fetching it right now may finish; no other device gets it any more. This cannot be undone here.</p>
<div class="outcome" role="alert"></div>
<div class="buttons"><button type="button" class="cancel" autofocus>Keep it</button><button type="button" class="danger confirm">Remove</button></div>
</dialog>
% end
