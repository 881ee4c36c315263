<tr role="row" class="device" data-device="{{row.address}}" data-kind="{{row.look.kind}}" data-group="{{row.look.group}}"{{!"" if shown else " hidden"}}>
<th role="rowheader" scope="row" class="who"><a class="title" href="{{root}}{{row.href}}">{{row.title}}</a><code class="under">{{row.under}}</code></th>
<td role="cell" class="state"><span class="badge {{row.look.kind}}"><svg aria-hidden="true"><use href="#s-{{row.look.sign}}"/></svg><span class="word">{{row.look.word}}</span></span><span class="reason">{{row.reason}}</span></td>
<td role="cell" class="what"><span class="release">{{!wrap(row.release)}}</span><span class="tags"><span class="board">{{row.board}}</span><span class="group">{{row.group}}</span></span></td>
<td role="cell" class="moved"><progress max="100" value="{{row.percent or 0}}" aria-label="Downloaded by {{row.title}}"{{!" hidden" if row.percent is None else ""}}></progress><span class="rate">{{row.progress}}</span></td>
<td role="cell" class="seen">\\
% if row.seen:
<time datetime="{{row.seen[0]}}" title="{{row.seen[1]}}">{{row.seen[1]}}</time>\\
% else:
<time></time>\\
% end
</td>
</tr>
