% rebase("layout.tpl", script="device.js", style="devices.css")
% include("device-signs.tpl")
<a class="skip" href="#title">Skip to the device</a>
<header class="top">
<div class="wide">
<a class="brand" href="{{root}}"><img src="{{root}}static/favicon.svg" alt="" width="36" height="36"><span class="name">OTA Server</span></a>
<nav aria-label="Pages"><a href="{{root}}">Releases</a><a href="{{root}}devices">Devices</a></nav>
% include("who.tpl")
</div>
</header>
<p id="banner" class="banner" role="status"></p>
<p id="live" class="vh" role="status" aria-live="polite"></p>
<main class="wide fleet one" data-now="{{now[0]}}">
<div data-refresh="trouble">
% if ctx.trouble:
<p class="panel trouble" role="alert"><svg aria-hidden="true"><use href="#s-silent"/></svg><span>{{ctx.trouble}}</span></p>
% end
</div>
<div class="one-head">
<div data-refresh="head">
<h1 id="title" tabindex="-1">{{row.title}}</h1>
<dl class="known">
<div><dt>Address</dt><dd><code>{{device.device}}</code></dd></div>
% if row.board:
<div><dt>Board</dt><dd>{{row.board}}</dd></div>
% end
% if row.group:
<div><dt>Group</dt><dd>{{row.group}}</dd></div>
% end
% if device.url:
<div><dt>Notified at</dt><dd><code>{{!wrap(device.url)}}</code></dd></div>
% end
% if device.completed:
<div><dt>Last whole download</dt><dd>{{!wrap(device.completed)}}</dd></div>
% end
% if row.seen:
<div><dt>Last seen</dt><dd><time datetime="{{row.seen[0]}}" title="{{row.seen[1]}}">{{row.seen[1]}}</time></dd></div>
% end
</dl>
</div>
% if visitor.publishes:
<form id="naming" class="panel" method="post" action="{{here}}" data-api="{{root}}api/v1/devices/{{here}}">
<label class="field"><span class="name">Name</span><input name="name" maxlength="64" value="{{device.name}}" autocomplete="off" spellcheck="false"></label>
<label class="field"><span class="name">Group</span><input name="group" maxlength="64" value="{{device.group}}" autocomplete="off" spellcheck="false"></label>
<div class="buttons"><button>Save</button></div>
<div class="outcome" role="status"></div>
</form>
% end
</div>
<div class="two">
<div>
<div data-refresh="update">
<section class="panel update" data-kind="{{row.look.kind}}" aria-labelledby="update-title">
<h2 id="update-title">Update</h2>
<p class="now"><span class="badge {{row.look.kind}}"><svg aria-hidden="true"><use href="#s-{{row.look.sign}}"/></svg><span class="word">{{row.look.word}}</span></span> \\
% if row.release:
<span class="release">{{!wrap(row.release)}}</span>\\
% end
</p>
% if row.reason:
<p class="reason">{{row.reason}}</p>
% elif not row.release:
<p class="hint">It has not been told of a release, and has fetched none.</p>
% end
% if row.percent is not None:
<progress max="100" value="{{row.percent}}" aria-label="Downloaded by {{row.title}}"></progress><p class="rate">{{row.progress}}</p>
% end
</section>
<section class="panel transfers" aria-labelledby="transfers-title">
<h2 id="transfers-title">Transfers of the last hour</h2>
% if not transfers:
<p class="hint">None.</p>
% end
<ul>
% for t in transfers:
<li><strong>{{t["role"]}}</strong> <span class="fact {{t["kind"]}}">{{t["word"]}}</span> <time datetime="{{t["started"][0]}}" title="{{t["started"][1]}}">{{t["started"][1]}}</time>
<code>{{!wrap(t["path"])}}</code>
<progress max="100" value="{{t["percent"]}}" aria-label="{{t["role"]}} downloaded"></progress>
<p class="rate">{{t["progress"]}} · {{t["bytes"]}}\\
% if t["again"]:
 · {{t["again"]}} {{"block" if t["again"] == 1 else "blocks"}} asked for again\\
% end
</p></li>
% end
</ul>
</section>
</div>
% if visitor.publishes:
<form class="forgetting buttons" method="post" action="{{here}}/forget"><p class="hint">Thrown away, or at another address now?</p><button>Forget this device…</button></form>
% end
</div>
<section class="panel timeline" aria-labelledby="timeline-title">
<h2 id="timeline-title">Timeline</h2>
<div data-refresh="events">
% if not events:
<p class="hint">Nothing is recorded of this device yet.</p>
% end
<ol>
% for time, kind, what, who in events:
<li data-event="{{kind}}"><time datetime="{{time[0]}}" title="{{time[1]}}">{{time[1]}}</time><p>{{what}}</p>\\
% if who not in ("server", "device", device.device):
<span class="hint">by {{who}}</span>\\
% end
</li>
% end
</ol>
</div>
</section>
</div>
</main>
<footer class="bottom wide"><p>OTA Server {{version}}</p><p><a href="{{root}}api/v1/devices/{{here}}">This device as JSON</a></p></footer>
