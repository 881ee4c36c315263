% rebase("layout.tpl")
<main class="single">
<div class="panel">
<p class="brand"><img src="{{root}}static/favicon.svg" alt="" width="28" height="28"><span>OTA Server</span></p>
<h1>Log in</h1>
% if message:
<div class="outcome" role="alert"><p>\\
% if visitor.command and message.endswith(visitor.command):
{{message.removesuffix(visitor.command)}}<code>{{visitor.command}}</code>\\
% else:
{{message}}\\
% end
</p></div>
% end
% if visitor.name:
<p class="lead">You are logged in with the token <strong>{{visitor.name}}</strong>.</p>
<form method="post" action="{{root}}logout" class="buttons"><a class="button primary" href="{{root or './'}}{{next}}">Go on</a><button>Log out</button></form>
% elif visitor.can_log_in:
<form method="post" action="{{root}}login">
<input type="hidden" name="next" value="{{next}}">
<label class="field"><span class="name">Token</span><input type="password" name="token" required maxlength="200" autocomplete="current-password" autocapitalize="off" spellcheck="false" autofocus placeholder="ota_…"></label>
% if not message:
<p class="hint">Whoever looks after the gateway makes one: <code>{{visitor.command}}</code></p>
% end
<div class="buttons"><a class="button" href="{{root or './'}}{{next}}">Back</a><button class="primary">Log in</button></div>
</form>
% else:
% include("command.tpl", sentence=visitor.why_not or "There is no token yet, and nobody needs to log in: whoever sits at this machine may change everything.")
<div class="buttons"><a class="button primary" href="{{root or './'}}{{next}}">Go on</a></div>
% end
</div>
</main>
