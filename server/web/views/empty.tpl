<div class="panel empty">
<h3>Nothing is published yet</h3>
<p>A release is a manifest and its images. However you bring one here, it shows up on this page by itself.</p>
<ol>
% if ctx.visitor.publishes:
<li><strong>In this browser.</strong> Drop the files anywhere on this page, or use the form.</li>
% end
<li><strong>On the gateway.</strong> Copy a folder with <code>manifest</code>, <code>slot0</code> and <code>slot1</code> into the firmware folder:
<div class="command"><code>{{!wrap(copy_line)}}</code> <button type="button" class="copy" hidden><span>Copy</span><span class="vh"> the cp command</span></button></div></li>
<li><strong>From RIOT.</strong> In the application, let the build copy its files into the firmware folder:
<div class="command"><code>{{!wrap(riot_line)}}</code> <button type="button" class="copy" hidden><span>Copy</span><span class="vh"> the make command</span></button></div></li>
% if ctx.visitor.publishes:
<li><strong>From any build.</strong> Post it with curl:
<div class="command"><code data-curl>curl {{'-H "Authorization: Bearer $OTA_TOKEN" ' if ctx.visitor.name else ""}}-F publish_id=version_42 -F manifest=@riot.suit.bin -F slot0=@slot0.bin -F slot1=@slot1.bin http://localhost:8080/publish</code> <button type="button" class="copy" hidden><span>Copy</span><span class="vh"> the curl command</span></button></div></li>
% end
</ol>
</div>
