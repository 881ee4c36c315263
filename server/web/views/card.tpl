% name = release.publish_id
% withdrawn = state == "withdrawn"
<article class="card" id="{{anchor}}" data-id="{{name}}" data-state="{{state}}" data-version="" aria-labelledby="{{anchor}}-n">
<header><h3 id="{{anchor}}-n">{{!wrap(name)}}</h3><p class="badges">\\
% if release.forced:
<span class="badge forced" title="A person publishes this release whatever the checks found">Forced</span> \\
% end
<span class="badge {{state}}" title="{{meaning}}"><svg aria-hidden="true"><use href="#i-{{state}}"/></svg>{{state_word}}</span></p></header>
<p class="facts"><span class="when"><span class="ago" data-live></span><time datetime="{{when[0]}}">{{when[1]}}</time></span>\\
% for words, title, kind in facts:
 <span class="fact {{kind}}" title="{{title}}">{{words}}</span>\\
% end
</p>
<p class="meaning"{{!" hidden" if state == "ready" else ""}}>{{meaning}}</p>
<ul class="findings">\\
% include("findings.tpl", findings=findings)
</ul>
<details class="notes"{{!"" if notes else " hidden"}}><summary>{{"1 note" if len(notes) == 1 else f"{len(notes)} notes"}}</summary><ul class="findings">\\
% include("findings.tpl", findings=notes)
</ul></details>
<table role="table"><thead role="rowgroup"><tr role="row"><th role="columnheader">File</th><th role="columnheader">Size</th><th role="columnheader">SHA-256</th>\\
% if state == "ready":
<th role="columnheader">CoAP URL</th><th role="columnheader"><span class="vh">Download</span></th>\\
% end
</tr></thead><tbody role="rowgroup">\\
% for f in files:
<tr role="row" data-file="{{f.role}}" class="{{f.mark}}"><th role="rowheader" scope="row"><span class="role">{{f.role}}</span>\\
% if f.name:
<span class="file-name">{{f.name}}</span>\\
% end
</th><td role="cell" class="size" title="{{f.exact_size}}">{{f.size}}</td>
<td role="cell" class="sha"><code title="{{f.sha256}}">{{f.sha256[:12]}}</code><button type="button" class="copy" hidden><span>Copy</span><span class="vh"> SHA-256 of {{f.role}}</span></button></td>\\
% if state == "ready":
<td role="cell" class="url">\\
% if f.url:
<span class="address"><code>{{!wrap(f.url)}}</code> <button type="button" class="copy" hidden><span>Copy</span><span class="vh"> CoAP URL of {{f.role}}</span></button></span>\\
% end
% for path in f.also:
<span class="also">also at <code>{{!wrap(path)}}</code></span>\\
% end
</td><td role="cell" class="get"><a href="{{root}}{{f.href}}" download><span>Download</span><span class="vh"> {{f.role}}</span></a></td>\\
% end
</tr>\\
% end
</tbody></table>
% if may:
<div class="actions"><details class="notify" hidden{{!" data-scripted" if notify and "notify" in may else ""}}><summary>Notify devices</summary><div data-live></div></details>
<div class="manage">\\
% if "publish" not in may:
% pass
% elif withdrawn:
<button class="shelve" form="restore-form" name="publish_id" value="{{name}}" title="Put it back into service: devices get it again">Restore<span class="vh"> {{name}}</span></button>\\
% else:
<button class="shelve" form="withdraw-form" name="publish_id" value="{{name}}" title="Take it out of service without deleting it: no new device gets it">Withdraw<span class="vh"> {{name}}</span></button>\\
% end
% if "remove" in may:
<button class="remove" form="remove-form" name="publish_id" value="{{name}}">Remove…<span class="vh"> {{name}}</span></button>\\
% end
</div></div>
% end
</article>
