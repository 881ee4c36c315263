% name = release.publish_id
<article class="card" id="{{anchor}}" data-id="{{name}}" data-state="{{state}}" data-version="{{data_version}}" aria-labelledby="{{anchor}}-n">
<header><h3 id="{{anchor}}-n">{{!wrap(name)}}</h3><span class="state {{state}}" title="{{meaning}}"><svg aria-hidden="true"><use href="#i-{{state}}"/></svg>{{state_word}}</span></header>
<p class="facts"><span class="when"><span class="ago" data-live></span><time datetime="{{when[0]}}">{{when[1]}}</time></span>\\
% for words, title, kind in facts:
<span class="fact {{kind}}" title="{{title}}">{{words}}</span>\\
% end
</p>
<ul class="findings">\\
% for severity, word, message in findings:
<li class="{{severity}}"><b>{{word}}</b> {{message}}</li>\\
% end
</ul>
<table role="table"><thead role="rowgroup"><tr role="row"><th role="columnheader">File</th><th role="columnheader">Size</th><th role="columnheader">SHA-256</th><th role="columnheader">CoAP URL</th><th role="columnheader"><span class="vh">Download</span></th></tr></thead><tbody role="rowgroup">\\
% for f in files:
<tr role="row" data-file="{{f.role}}"><th role="rowheader" scope="row">{{f.role}}\\
% if f.name:
<span class="file-name">{{f.name}}</span>\\
% end
</th><td role="cell" class="size" title="{{f.exact_size}}">{{f.size}}</td>
<td role="cell" class="sha"><code title="{{f.sha256}}">{{f.sha256[:12]}}</code><button type="button" class="copy" hidden><span>Copy</span><span class="vh"> SHA-256 of {{f.role}}</span></button></td>
<td role="cell" class="url">\\
% if f.url and state == "ready":
<span><code>{{!wrap(f.url)}}</code><button type="button" class="copy" hidden><span>Copy</span><span class="vh"> CoAP URL of {{f.role}}</span></button></span>\\
% end
% for path in f.also:
<span class="also">also at <code>{{!wrap(path)}}</code></span>\\
% end
</td><td role="cell" class="get">\\
% if state == "ready":
<a href="{{root}}{{f.href}}" download><span>Download</span><span class="vh"> {{f.role}}</span></a>\\
% end
</td></tr>\\
% end
</tbody></table>
<div class="actions"{{!" hidden" if state == "ready" and not changes_allowed else ""}}><p class="meaning"{{!" hidden" if state == "ready" else ""}}>{{meaning}}</p>
% if changes_allowed:
<details class="notify" hidden{{!" data-scripted" if notify else ""}}><summary>Notify devices</summary><div data-live></div></details>
<button class="remove" form="remove-form" name="publish_id" value="{{name}}">Remove…<span class="vh"> {{name}}</span></button>
% end
</div>
</article>
