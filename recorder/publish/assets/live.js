// Keeps what runs now up to date: asks for the page that lists it, and takes its list over.
const place = document.querySelector("[data-live]");

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(place.dataset.live, { cache: "no-store" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    const list = fresh && fresh.querySelector(".live");
    // A page that lists more than what runs now has a heading for it, and nothing when none runs.
    const alone = !document.body.classList.contains("index");
    const heading = alone || !list ? "" : "<h2>Running now</h2>";
    const html = heading + (alone ? fresh.innerHTML : list ? list.outerHTML : "");
    if (fresh && place.innerHTML.trim() !== html.trim()) place.innerHTML = html;
  } catch {
    // The server is away: the next time may find it.
  }
}

if (place) setInterval(refresh, 2000);
