<details class="rollout panel"><summary>Start a rollout</summary>
<form id="rollout" method="post" action="{{root}}rollouts" data-api="{{root}}api/v1/rollouts">
<p class="hint">The release goes to a first wave of devices, and to the next one only when enough of them prove to run it. A failure stops it.</p>
<div class="fields">
<label class="field"><span class="name">Release</span><select name="publish_id">
% for name in releases:
<option value="{{name}}">{{name}}</option>
% end
</select></label>
<label class="field"><span class="name">Group</span><select name="group"><option value="">None: those below</option>
% for name in fleet_groups:
<option value="{{name}}">{{name}}</option>
% end
</select></label>
<label class="field"><span class="name">Waves</span><input name="waves" value="{{waves}}" autocomplete="off" spellcheck="false"></label>
<label class="field"><span class="name">Share for the next wave</span><input name="share" value="100 %" autocomplete="off"></label>
<label class="field"><span class="name">Stop after failures</span><input name="stop_after" value="1" inputmode="numeric" autocomplete="off"></label>
<label class="field"><span class="name">What counts</span><select name="accept"><option value="confirmed">Confirmed: proven</option><option value="downloaded">Downloaded: weaker</option></select></label>
</div>
<label class="field"><span class="name">Device URLs</span><textarea name="urls" rows="2" placeholder="[fd00::2]/suit/trigger" autocomplete="off" autocapitalize="off" spellcheck="false"></textarea></label>
<div class="buttons"><button class="primary">Start</button></div>
<div class="outcome" role="alert"></div>
</form>
</details>
