// The box and the links that narrow the list of devices down; the address of the page says the same.
export class Chooser {
  constructor(document, list) {
    this.document = document;
    this.list = list;
    this.input = document.querySelector("#filter");
    this.group = document.querySelector("main").dataset.show;
    this.links = Array.from(document.querySelectorAll(".groups a"));
    this.none = document.querySelector("#no-match");
    list.counted = (counts, shown) => this.show(counts, shown);
    this.choose();
    this.input.addEventListener("input", () => this.change());
    this.input.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.change();
    });
    for (const link of this.links) {
      link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        this.group = link.dataset.group;
        this.change();
      });
    }
    list.filter();
  }

  choose() {
    this.list.chosen = { words: this.input.value.toLowerCase().split(/\s+/).filter(Boolean), group: this.group };
  }

  change() {
    this.choose();
    for (const link of this.links) {
      if (link.dataset.group === this.group) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    const asked = new URLSearchParams([["show", this.group], ["q", this.input.value.trim()]].filter(([, value]) => value));
    history.replaceState(null, "", asked.size ? `?${asked}` : location.pathname);
    this.list.filter();
  }

  show(counts, shown) {
    const total = counts[""];
    for (const link of this.links) put(link.querySelector(".number"), String(counts[link.dataset.group]));
    put(this.document.querySelector(".count"), String(total));
    this.list.table.hidden = !shown;
    this.input.form.hidden = this.links[0].parentElement.hidden = !total;
    this.document.querySelector("#no-devices").hidden = total > 0;
    this.none.hidden = shown > 0 || !total;
    const words = this.input.value.trim();
    put(this.none, words ? `No device matches “${words}”.` : "No device is in this state.");
  }
}

function put(place, text) {
  if (place.textContent !== text) place.textContent = text;
}
