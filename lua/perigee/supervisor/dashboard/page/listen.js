// Server-sent events, for as long as somebody wants them.

const AGAIN_MS = 2000;

/**
 * Calls handlers[name](event) for each event of the stream at `target`. `told(isLost)` hears when the
 * stream begins and when it is lost; a host that refuses or is gone is asked again. Returns a
 * function that ends it.
 */
export function listen(target, handlers, told) {
  let source = null;
  let timer = null;

  function open() {
    source = new EventSource(target);
    source.addEventListener("open", () => told(false));
    source.addEventListener("error", () => {
      told(true);
      // The browser tries again by itself, unless the host refused.
      if (source.readyState === EventSource.CLOSED) {
        timer = window.setTimeout(open, AGAIN_MS);
      }
    });
    for (const [name, handler] of Object.entries(handlers)) {
      source.addEventListener(name, handler);
    }
  }

  open();
  return () => {
    window.clearTimeout(timer);
    source.close();
  };
}
