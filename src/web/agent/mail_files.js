/* mail_files.js - files that go with an answer: sent to the server part by part, taken off again. */
import { h, outside, replace, show } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { isBack, newId } from "../lib/once.js";
import { attempt, notice } from "../lib/ui.js";

const PART_BYTES = 36864; /* 49,152 characters of base64: a request fits a WebSocket frame of 64 KiB */
const FILE_MOST = 18874368; /* bytes; docs/protocol.md, email.attach */

function base64(bytes) {
  let text = "";
  for (const b of bytes) text += String.fromCharCode(b);
  return btoa(text);
}

/* {node, show(files), able(on)}: the row below an editor. reload(): asks for the mail anew. */
export function filesRow({ link }, item, reload) {
  const list = h("span", { class: "row" });
  const input = h("input", { type: "file", multiple: true, hidden: true });
  const button = h("button", { type: "button", class: "small", id: "email-attach", onclick: () => input.click() }, t("Attach a file…"));
  const node = h("div", { class: "row mail-files", hidden: true }, button, input, list);

  const send = async (file) => {
    if (file.size < 1 || file.size > FILE_MOST) {
      notice(t("{name} is empty or too large.", { name: file.name }), "bad");
      return;
    }
    const id = newId();
    const bytes = new Uint8Array(await file.arrayBuffer());
    const parts = async () => {
      for (let at = 0, part = 0; at < bytes.length; at += PART_BYTES, part++)
        await link.call("email.attach", {
          contact: item.id,
          id,
          part,
          data: base64(bytes.subarray(at, at + PART_BYTES)),
          ...(part === 0 ? { name: file.name.slice(0, 200), size: bytes.length } : {}),
        });
    };
    /* Where the line breaks it begins anew under its id, as often as that takes: it goes along once. */
    await attempt(button, async () => {
      for (;;) {
        try {
          return await parts();
        } catch (error) {
          if (error.type !== "gone") throw error;
          await isBack(link);
        }
      }
    });
  };
  input.addEventListener("change", async () => {
    const files = [...input.files];
    input.value = "";
    for (const file of files) await send(file);
    reload();
  });

  const off = (file) => {
    const remove = h("button", { type: "button", class: "small plain", "aria-label": t("Take {name} off", { name: file.name || t("file") }) }, "✕");
    remove.addEventListener("click", async () => (await attempt(remove, () => link.call("email.detach", { contact: item.id, blob: file.blob }))) && reload());
    return remove;
  };
  return {
    node,
    show: (files) => replace(list, (files || []).map((file) => h("span", { class: "badge attached" }, "📎 ", outside(file.name || t("file")), file.bytes ? ` ${Math.ceil(file.bytes / 1024)} KB` : "", off(file)))),
    able: (on) => {
      show(node, on && !!link.methods?.has("email.attach"));
      button.disabled = !link.live;
    },
  };
}
