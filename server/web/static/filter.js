// The box that leaves only the releases with the typed words; shown once there are many.
export class Filter {
  constructor(document) {
    this.box = document.querySelector("[data-filter]");
    this.input = this.box.querySelector("input");
    this.matches = this.box.querySelector(".matches");
    this.cards = document.querySelector("#cards");
    this.none = document.querySelector("#no-match");
    this.input.addEventListener("input", () => this.apply());
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.input.value) {
        this.input.value = "";
        this.apply();
        event.preventDefault();
      }
    });
  }

  apply() {
    const words = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const starts = words.map((word) => new RegExp(`(^|[^a-z0-9])${word.replace(/\W/g, "\\$&")}`));
    const total = this.cards.children.length;
    this.box.hidden = total < Number(this.box.dataset.from) && !words.length;
    let shown = 0;
    for (const card of this.cards.children) {
      const told = this.told(card);
      const fits = words.every((word, index) => card.filterName.includes(word) || starts[index].test(told));
      if (card.hidden === fits) card.hidden = !fits;
      shown += fits;
    }
    this.matches.textContent = words.length ? `${shown} of ${total}` : "";
    this.none.hidden = !(words.length && total && !shown);
    if (!this.none.hidden) this.none.textContent = `No release matches “${this.input.value.trim()}”. Press Escape in the box to see all.`;
  }

  // Names match anywhere; what is told of a release matches from a word's start: "valid" is not in "invalid".
  told(card) {
    if (card.filterVersion !== card.dataset.version) {
      card.filterVersion = card.dataset.version;
      card.filterName = card.dataset.id.toLowerCase();
      const words = Array.from(card.querySelectorAll(".badge, .fact, .findings b, .findings code"), wordsOf);
      card.filterTold = words.join(" ").toLowerCase();
    }
    return card.filterTold;
  }
}

// A shortened text has the full one for its title.
function wordsOf(place) {
  return place.textContent.endsWith("…") ? place.title : place.textContent;
}
