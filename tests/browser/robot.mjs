/* robot.mjs - an agent without a browser, over the desktops' protocol. */
import tls from "node:tls";

export async function robot(t, centre, name) {
  const token = await centre.token("agent", name);
  const [host, port] = centre.ready.desk.split(":");
  const socket = tls.connect({ host, port: Number(port), rejectUnauthorized: false });
  const waiting = new Map();
  const heard = [];
  const wanted = new Set();
  let text = "";
  let next = 0;
  await new Promise((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
  });
  socket.on("error", () => {});
  socket.on("data", (data) => {
    text += data;
    let at;
    while ((at = text.indexOf("\n")) >= 0) {
      const message = JSON.parse(text.slice(0, at));
      text = text.slice(at + 1);
      if (message.method) {
        heard.push(message);
        for (const look of wanted) look();
        continue;
      }
      const request = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error) request?.reject(new Error(`${message.error.data?.type}: ${message.error.message}`));
      else request?.resolve(message.result);
    }
  });
  const me = {
    call(method, params = {}) {
      const id = String(++next);
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        socket.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
      });
    },
    /* Takes the next event of that name. */
    expect(event, ms = 20000) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          wanted.delete(look);
          reject(new Error(`${name}: no ${event} within ${ms} ms`));
        }, ms);
        function look() {
          const at = heard.findIndex((m) => m.method === event);
          if (at < 0) return;
          clearTimeout(timer);
          wanted.delete(look);
          resolve(heard.splice(at, 1)[0].params);
        }
        wanted.add(look);
        look();
      });
    },
    /* Accepts the next offer; its contact's id. */
    async take() {
      const offer = await me.expect("offer.created");
      await me.call("offer.accept", { offer: offer.offer });
      await me.expect("contact.connected");
      return offer.contact.id;
    },
  };
  t.endings.push(() => {
    clearInterval(beat);
    socket.destroy();
  });
  await me.call("session.login", { token, client: "robot" });
  await me.call("agent.set_state", { state: "ready" });
  const beat = setInterval(() => me.call("session.ping").catch(() => {}), 5000);
  return me;
}
