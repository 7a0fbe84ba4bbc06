// The stream of events: listens as long as the page is open, and comes back by itself when the connection breaks.
const AGAIN = 3000; // milliseconds; a browser gives up on its own when the answer is an error

export function listen(handlers, onConnection) {
  const source = new EventSource("/api/events");
  source.addEventListener("open", () => onConnection(true));
  source.addEventListener("error", () => {
    onConnection(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(handlers, onConnection), AGAIN);
  });
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
  }
}
