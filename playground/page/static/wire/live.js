// The reader's socket: frames come in, and it comes back by itself when it was lost.

const NOBODY = 4404;
const FIRST_WAIT = 250;
const LONGEST_WAIT = 4000;

/**
 * @param {string} person whom to read as; empty for the first who can be played
 * @param {object} told
 * @param {(frame: object) => void} told.frame
 * @param {(connected: boolean) => void} told.connected
 * @param {() => void} told.nobody there is no such person
 * @returns {{send: (said: object) => void, close: () => void}}
 */
export function live(person, told) {
  let socket;
  let again;
  let wait = FIRST_WAIT;

  const open = () => {
    const url = new URL("/page/live", location.href);
    url.protocol = "ws:";
    url.searchParams.set("person", person);
    socket = new WebSocket(url);
    socket.addEventListener("message", ({ data }) => {
      wait = FIRST_WAIT;
      told.connected(true);
      told.frame(JSON.parse(data));
    });
    socket.addEventListener("close", lost);
  };

  const lost = ({ code }) => {
    if (code === NOBODY) {
      told.nobody();
      return;
    }
    told.connected(false);
    again = setTimeout(open, wait);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  };

  open();
  return {
    send: (said) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(said));
    },
    close: () => {
      clearTimeout(again);
      socket.removeEventListener("close", lost);
      socket.close();
    },
  };
}
