// The list of the devices, live. Without scripts it shows what was true when it was asked for.
import { Ages } from "./ages.js";
import { Banner } from "./banner.js";
import { Chooser } from "./chooser.js";
import { DeviceList } from "./device-list.js";
import { Feed } from "./feed.js";
import { Works } from "./works.js";

const main = document.querySelector("main");
const ages = new Ages(main);
const list = new DeviceList(document, ages);
const banner = new Banner(document);

new Chooser(document, list);
new Works(document);
ages.showAll(list.body);
document.querySelector(".as-of").hidden = true;
setInterval(() => ages.showAll(list.body), 30000);
new Feed(document, (kind, items, whole) => list.take(kind, items, whole), (trouble) => banner.say(trouble)).start();
