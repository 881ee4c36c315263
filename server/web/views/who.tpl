<div class="account buttons" data-refresh="account">\\
% if visitor.name:
<form method="post" action="{{root}}logout"><span class="vh">Logged in with the token </span><strong>{{visitor.name}}</strong> <button>Log out</button></form>\\
% elif visitor.can_log_in:
<a class="button" href="{{log_in}}">Log in to publish</a>\\
% end
</div>
