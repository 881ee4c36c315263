<form class="notifying" method="post" action="notify">
% if names is None:
<input type="hidden" name="publish_id">
% else:
<label class="field"><span class="name">Release</span><select name="publish_id">
% for name, forced in names:
<option value="{{name}}">{{name}}{{" (Forced)" if forced else ""}}</option>
% end
</select></label>
% end
<label class="field"><span class="name">Device URLs</span><textarea name="urls" rows="3" required placeholder="[fd00::2]/suit/trigger" autocomplete="off" autocapitalize="off" spellcheck="false"></textarea></label>
<p class="hint">One a line, or separated by commas. Without a path it is <code>/suit/trigger</code>.</p>
<details class="advanced"><summary>Advanced</summary><label class="field"><span class="name">End the message with a NUL byte</span><select name="nul"><option value="auto">Automatic: RIOT devices get it</option><option value="yes">Yes</option><option value="no">No</option></select></label></details>
<div class="buttons"><button class="primary">Notify</button></div>
<div class="results"></div>
</form>
