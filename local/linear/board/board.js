// Keeps an open page true: reads it again when the server says that something changed, and moves cards by dragging.
// Everything here also works without this file, through the forms.

const board = document.getElementById("board");
const notice = document.getElementById("notice");
const formToken = board?.dataset.formToken;

function say(text) {
  if (!notice) return;
  notice.textContent = text;
  notice.hidden = text === "";
}

/** A person is in the middle of something that replacing the page would take away. */
const isBusy = () =>
  document.querySelector(".dragged, details.move[open]") !== null || document.activeElement?.closest("[data-live] form") != null;

/** Where the keyboard is, so that it can be there again after the cards were replaced. */
function focusInCard() {
  const { activeElement } = document;
  const card = activeElement?.closest("[data-live] .card");
  return card && `.card[data-identifier="${CSS.escape(card.dataset.identifier)}"] ${activeElement.tagName.toLowerCase()}`;
}

let isReading = false;
let isStale = false;

async function readAgain() {
  if (isReading || isBusy()) {
    isStale = true;
    return;
  }
  isReading = true;
  isStale = false;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok || isBusy()) {
      isStale = answer.ok;
      return;
    }
    const focused = focusInCard();
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const replacement = fresh.getElementById(part.id);
      if (replacement) part.replaceChildren(...replacement.childNodes);
    }
    if (focused) document.querySelector(focused)?.focus({ preventScroll: true });
  } catch {
    isStale = true; // the server is away; its return is announced by the event stream
  } finally {
    isReading = false;
    if (isStale && !isBusy()) setTimeout(readAgain, 250);
  }
}

// Signed-out pages have no stream to listen to.
if (document.querySelector("[data-live]")) {
  const events = new EventSource("/live");
  let hasConnected = false;
  events.addEventListener("hello", () => {
    if (hasConnected) readAgain(); // something may have been missed while away
    hasConnected = true;
  });
  events.addEventListener("change", readAgain);
  document.addEventListener("toggle", () => isStale && readAgain(), true);
  document.addEventListener("focusout", () => setTimeout(() => isStale && readAgain(), 0));
}

async function move(identifier, stateId) {
  const body = new URLSearchParams({ formToken, stateId, back: "board" });
  try {
    const answer = await fetch(`/issue/${encodeURIComponent(identifier)}/move`, { method: "POST", body });
    say(answer.ok ? "" : `${identifier} could not be moved. Load the page again.`);
  } catch {
    say(`${identifier} could not be moved: the server does not answer.`);
  }
  readAgain();
}

if (board && formToken) {
  const columnOf = (target) => (target instanceof Element ? target.closest(".column") : null);
  board.addEventListener("dragstart", (event) => {
    const card = event.target instanceof Element ? event.target.closest(".card") : null;
    if (!card || !event.dataTransfer) return;
    event.dataTransfer.setData("text/plain", card.dataset.identifier);
    event.dataTransfer.effectAllowed = "move";
    card.classList.add("dragged");
  });
  board.addEventListener("dragover", (event) => {
    const column = columnOf(event.target);
    if (!column || !board.querySelector(".dragged")) return;
    event.preventDefault();
    for (const other of board.querySelectorAll(".over")) if (other !== column) other.classList.remove("over");
    column.classList.add("over");
  });
  board.addEventListener("drop", (event) => {
    const column = columnOf(event.target);
    const card = board.querySelector(".dragged");
    if (!column || !card) return;
    event.preventDefault();
    card.classList.remove("dragged");
    column.classList.remove("over");
    column.querySelector("ul").prepend(card); // seen at once; the answer will say where it truly is
    move(card.dataset.identifier, column.dataset.state);
  });
  board.addEventListener("dragend", () => {
    for (const element of board.querySelectorAll(".dragged, .over")) element.classList.remove("dragged", "over");
    if (isStale) readAgain();
  });
}
