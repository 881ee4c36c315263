// The page works without scripts; this adds what only a script can: drops, progress, refreshing, copying.
import { wireCopying } from "./copy.js";
import { wireDrops } from "./drop.js";
import { Filter } from "./filter.js";
import { wireNotifying } from "./notify.js";
import { wirePublishing } from "./publish.js";
import { Refresh } from "./refresh.js";
import { wireRemoving } from "./remove.js";
import { wireShelving } from "./shelve.js";
import { decorate, tellAges } from "./decorate.js";
import { say } from "./say.js";

const filter = new Filter(document);
const refresh = new Refresh(document, (changed) => {
  decorate(document);
  filter.apply();
  if (changed) say(changed);
});

decorate(document);
filter.apply();
wireCopying(document);
wireNotifying(document);
const form = document.querySelector("#publish");
if (form) {
  wireDrops(document, form);
  wirePublishing(form, () => refresh.now());
  wireShelving(document, () => refresh.now());
}
if (document.querySelector("#remove-dialog")) wireRemoving(document, () => refresh.now());
setInterval(() => tellAges(document), 15000);
refresh.start();
