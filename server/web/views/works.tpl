% if ctx.trouble:
<p class="panel trouble" role="alert"><svg aria-hidden="true"><use href="#s-silent"/></svg><span>{{ctx.trouble}}</span></p>
% end
% if works:
<section class="works panel" aria-labelledby="works-title"><h2 id="works-title">Notifications and rollouts</h2><ul>
% for work in works:
<li data-kind="{{work.kind}}">
<div class="work-head"><strong>{{work.title}}</strong> <span class="release">{{!wrap(work.publish_id)}}</span> <span class="badge {{work.kind}}">{{work.state}}</span></div>
<progress max="{{work.total or 1}}" value="{{work.done}}" aria-label="{{work.title}} {{work.publish_id}}"></progress>
<p>{{work.text}}\\
% if work.href:
 <a href="{{root}}{{work.href}}">Answers</a>\\
% end
</p>
% if work.caution:
<p class="caution">{{work.caution}}</p>
% end
% if ctx.visitor.notifies and work.acts:
<form class="acts buttons" method="post" action="{{root}}{{work.page}}" data-api="{{work.api}}">
% for act in work.acts:
<button name="state" value="{{act.state}}" class="{{"grave" if act.grave else ""}}">{{act.word}}<span class="vh"> {{work.title.lower()}} {{work.publish_id}}</span></button>
% end
</form>
% end
</li>
% end
</ul></section>
% end
