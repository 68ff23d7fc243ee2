// Passkeys: the one thing on these pages that needs a script. An element with
// data-passkey (get or create) has a button; data-start begins the ceremony,
// data-start and /finish ends it.
"use strict";
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const send = async (url, fields) => {
    const answer = await fetch(url, { method: "POST", body: new URLSearchParams(fields), credentials: "same-origin" });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.problem || "It did not work. Try again.");
    return told;
  };

  const options = (o) => {
    o.challenge = bytes(o.challenge);
    if (o.user) o.user.id = bytes(o.user.id);
    for (const list of [o.excludeCredentials, o.allowCredentials]) for (const c of list || []) c.id = bytes(c.id);
    return o;
  };

  const packed = (c) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (c.response[name]) response[name] = text(c.response[name]);
    }
    if (c.response.getTransports) response.transports = c.response.getTransports();
    return JSON.stringify({ id: c.id, rawId: text(c.rawId), type: c.type, authenticatorAttachment: c.authenticatorAttachment || undefined, clientExtensionResults: {}, response });
  };

  const run = async (box) => {
    const kind = box.dataset.passkey, form = box.dataset.with && document.querySelector(box.dataset.with);
    const fields = {};
    if (form) for (const name of ["email", "name"]) if (form.elements[name]) fields[name] = form.elements[name].value;
    const next = document.querySelector("input[name=next]");
    if (next) fields.next = next.value;
    const start = await send(box.dataset.start, fields);
    const made = await navigator.credentials[kind]({ publicKey: options(start.options.publicKey) });
    const told = await send(box.dataset.start + "/finish", { ...fields, sealed: start.sealed, answer: packed(made) });
    location.assign(told.next);
  };

  for (const box of document.querySelectorAll("[data-passkey]")) {
    if (!window.PublicKeyCredential) continue;
    box.hidden = false;
    const button = box.querySelector("button"), said = box.querySelector("[role=alert]");
    if (/^[\d.]+$|^\[/.test(location.hostname)) { // a passkey belongs to a name
      const here = new URL(location.href);
      here.hostname = "localhost";
      const a = document.createElement("a");
      a.href = here.href;
      a.textContent = "Passkeys: open this page as " + here.host;
      button.replaceWith(a);
      continue;
    }
    button.addEventListener("click", async () => {
      button.disabled = true;
      said.textContent = "";
      try {
        await run(box);
      } catch (e) {
        said.textContent = e.name === "NotAllowedError" ? "The passkey was not used. Try again." : e.message;
      }
      button.disabled = false;
    });
  }
  const on = document.querySelector("[data-continue]");
  if (on) location.replace(on.href);
})();
