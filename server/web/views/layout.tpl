<!doctype html>
<html lang="en" data-server="{{version}}" data-root="{{root}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
% if get("refresh"):
<meta http-equiv="refresh" content="{{refresh}}">
% end
<title>{{title}}</title>
<link rel="icon" href="{{root}}static/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="{{root}}static/style.css">
% if get("style"):
<link rel="stylesheet" href="{{root}}static/{{style}}">
% end
% if get("script"):
<script type="module" src="{{root}}static/{{script}}"></script>
% end
</head>
<body>
{{!base}}
</body>
</html>
