<form id="publish" class="panel" method="post" action="publish" enctype="multipart/form-data">
<label class="field"><span class="name">Publish id</span>
<input name="publish_id" required maxlength="200" placeholder="version_42" autocomplete="off" autocapitalize="off" spellcheck="false"
 pattern="[A-Za-z0-9_+~\-][A-Za-z0-9._+~\-]*(\/[A-Za-z0-9_+~\-][A-Za-z0-9._+~\-]*)*"
 title="Letters, digits and . _ - + ~ in parts that are separated by /; no part starts with a dot">
</label>
<div id="drop">
<p class="drop-hint" data-scripted hidden><svg aria-hidden="true"><use href="#i-drop"/></svg><span><strong>Drop the files here</strong>, all at once, or choose them:</span></p>
<label class="field slot" data-role="manifest"><span class="name">Manifest</span><input type="file" name="manifest" required><span class="chosen"></span></label>
<label class="field slot" data-role="slot0"><span class="name">Slot 0</span><input type="file" name="slot0"><span class="chosen"></span></label>
<label class="field slot" data-role="slot1"><span class="name">Slot 1</span><input type="file" name="slot1"><span class="chosen"></span></label>
<p class="hint">A manifest and at least one image.</p>
<p class="sorted" role="status"></p>
</div>
<details class="advanced"><summary>Advanced</summary>
<label class="check"><input type="checkbox" name="force" value="1"><span>Publish even if the checks find errors. Devices may refuse such a release.</span></label>
</details>
<div class="buttons"><button type="button" class="try" data-scripted hidden title="See what the checks say, without publishing">Check</button><button class="primary">Publish</button></div>
<div class="sending" hidden><progress max="1" value="0" aria-label="Upload"></progress><div class="sending-row"><span class="sent"></span><button type="button" class="cancel">Cancel</button></div></div>
<div class="outcome" role="alert"></div>
</form>
