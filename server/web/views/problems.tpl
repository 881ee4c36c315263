% if problems:
% total = len(problems)
<section class="problems panel" aria-labelledby="problems-title">
<h2 id="problems-title">{{"1 problem" if total == 1 else f"{total} problems"}} in the folder</h2>
<ul>
% for problem in problems[:problems_shown]:
<li><code>{{!wrap(problem.path or ".")}}</code><span>{{!wrap(problem.message)}}</span></li>
% end
</ul>
% if total > problems_shown:
<details><summary>Show {{total - problems_shown}} more</summary>
<ul>
% for problem in problems[problems_shown:]:
<li><code>{{!wrap(problem.path or ".")}}</code><span>{{!wrap(problem.message)}}</span></li>
% end
</ul>
</details>
% end
</section>
% end
