// The console's script. Everything works without it; with it pages swap their
// content in place, forms open in a dialog, and keys are short ways.
'use strict';
(() => {
const $ = (sel, at = document) => at.querySelector(sel);
const all = (sel, at = document) => [...at.querySelectorAll(sel)];
const say = text => { $('#live').textContent = text; };
const dialog = $('#dialog'), inside = $('#dialog-content');

// What only works with a script is hidden until there is one.
const ready = at => {
  all('[data-copy],[data-copy-from],[data-palette]', at).forEach(b => { b.hidden = false; });
  all('[data-tail]', at).forEach(follow);
  all('form[data-live] [data-apply],[data-plain]', at).forEach(b => { b.hidden = true; });
};

// swap replaces the content of the page by that of another address. A later
// call overtakes an earlier one.
let turn = 0;
const swap = async (url, push = true) => {
  const content = $('#content'), mine = ++turn;
  content.setAttribute('aria-busy', 'true');
  try {
    const res = await fetch(url, { headers: { 'X-Fragment': '1' } });
    const html = await res.text();
    if (mine !== turn) return;
    if (res.redirected || !res.headers.has('X-Title')) { location.assign(url); return; }
    content.innerHTML = html;
    document.title = decodeURIComponent(res.headers.get('X-Title')) + ' · Mintage';
    if (push) history.pushState({ swap: true }, '', url);
    ready(content);
    const n = $('[data-count]', content);
    say(n ? n.textContent.trim() : 'Loaded');
  } catch { if (mine === turn) location.assign(url); }
  finally { if (mine === turn) content.removeAttribute('aria-busy'); }
};
addEventListener('popstate', () => swap(location.href, false));
history.replaceState({ swap: true }, '');

// Dialogs. What shows a secret is held open until it is said to be stored.
let opener = null;
const held = () => $('[data-hold]', inside) && !($('[data-stored]', inside) || {}).checked;
const fill = html => {
  inside.innerHTML = html;
  const title = $('h1,h2', inside);
  if (title) { title.id = 'dialog-title'; title.tabIndex = -1; }
  ready(inside);
  if (!dialog.open) dialog.showModal();
  const first = $('[aria-invalid]', inside) || $('[autofocus]', inside);
  (first || title || inside).focus();
  dialog.scrollTop = 0;
};
const openDialog = async (url, from) => {
  opener = from;
  try {
    const res = await fetch(url, { headers: { 'X-Fragment': '1' } });
    if (res.redirected || !res.headers.has('X-Title')) { location.assign(url); return; }
    fill(await res.text());
  } catch { location.assign(url); }
};
const closeDialog = () => {
  if (held()) { say('Store the secret first, then tick the box.'); ($('[data-stored]', inside) || dialog).focus(); return; }
  const after = $('[data-after]', inside);
  dialog.close();
  inside.replaceChildren();
  if (after) location.assign(after.dataset.after);
  else if (opener) opener.focus();
};
dialog.addEventListener('cancel', e => { e.preventDefault(); closeDialog(); });
dialog.addEventListener('keydown', e => { if (e.key === 'Escape') { e.preventDefault(); closeDialog(); } });
addEventListener('beforeunload', e => {
  const hold = $('[data-hold]');
  if (hold && !($('[data-stored]') || {}).checked) e.preventDefault();
});
const post = async (form, by) => {
  const body = new URLSearchParams(new FormData(form, by));
  const buttons = all('button', form);
  buttons.forEach(b => { b.disabled = true; });
  try {
    const res = await fetch((by && by.getAttribute('formaction')) || form.action, { method: 'POST', body, headers: { 'X-Fragment': '1' } });
    if (res.redirected) { location.assign(res.url); return; }
    const into = form.dataset.into && $(form.dataset.into);
    if (into) { into.innerHTML = await res.text(); ready(into); say(into.textContent.trim().slice(0, 200)); } else fill(await res.text());
  } catch { say('The server did not answer. Nothing may have changed: look before you try again.'); }
  finally { buttons.forEach(b => { b.disabled = false; }); }
};

// Copying.
const copy = async button => {
  const from = button.dataset.copyFrom;
  const text = from ? $(from, button.closest('dialog') || document).textContent : button.dataset.copy;
  try { await navigator.clipboard.writeText(text); }
  catch { // no permission: the old way
    const t = document.createElement('textarea');
    t.value = text; t.className = 'hidden'; button.after(t); t.select(); document.execCommand('copy'); t.remove();
  }
  button.classList.add('copied');
  say('Copied');
  setTimeout(() => button.classList.remove('copied'), 1500);
};

// The live tail: rows come ready from the server.
let tail = null;
const follow = box => {
  if (box.dataset.on) return;
  box.dataset.on = '1';
  box.hidden = false;
  const button = $('button', box), state = $('[data-state]', box), rows = $(box.dataset.tail);
  const stop = () => { if (tail) tail.close(); tail = null; button.setAttribute('aria-pressed', 'false'); state.textContent = ''; };
  const start = () => {
    tail = new EventSource(box.dataset.url);
    button.setAttribute('aria-pressed', 'true');
    state.textContent = 'waiting for requests';
    tail.addEventListener('row', e => {
      const t = document.createElement('template');
      t.innerHTML = JSON.parse(e.data);
      const row = t.content.firstElementChild;
      const old = document.getElementById(row.id);
      if (old) old.replaceWith(row); else rows.prepend(row);
      const none = $('#no-rows');
      if (none) none.remove();
      while (rows.children.length > 200) rows.lastElementChild.remove();
      ready(row);
      state.textContent = 'live';
    });
    tail.onerror = () => { state.textContent = 'the connection was lost, trying again'; };
  };
  button.addEventListener('click', () => (tail ? stop() : start()));
  if (tail) { stop(); }
};

document.addEventListener('click', e => {
  const plain = !(e.metaKey || e.ctrlKey || e.shiftKey || e.button);
  const el = e.target.closest('a,button,summary');
  if (e.target === dialog) { closeDialog(); return; }
  all('details.switch[open]').forEach(d => { if (!d.contains(e.target)) d.open = false; });
  if (!el || !plain) return;
  if (el.dataset.copy !== undefined || el.dataset.copyFrom) { copy(el); }
  else if (el.dataset.palette !== undefined) { palette(); }
  else if (el.dataset.close !== undefined && dialog.open) { e.preventDefault(); closeDialog(); }
  else if (el.dataset.print !== undefined) { print(); }
  else if (el.tagName === 'A' && el.dataset.dialog !== undefined) { e.preventDefault(); openDialog(el.href, el); }
  else if (el.tagName === 'A' && el.dataset.swap !== undefined) { e.preventDefault(); swap(el.href).then(() => $('#main').focus()); }
});

document.addEventListener('submit', e => {
  const form = e.target;
  if (form.method === 'dialog') return;
  if (form.method === 'get' && form.dataset.live !== undefined) {
    e.preventDefault();
    filter(form);
  } else if (form.method === 'post' && (form.closest('#dialog') || form.dataset.into)) {
    e.preventDefault();
    post(form, e.submitter);
  }
});

// Filters apply as one types; the cursor stays where it is.
const filter = form => {
  const q = new URLSearchParams();
  for (const [k, v] of new FormData(form)) if (v) q.append(k, v);
  const el = document.activeElement, at = el && el.id, pos = el && el.type === 'search' ? el.selectionStart : null;
  swap(form.action + (q.size ? '?' + q : '')).then(() => {
    const again = at && document.getElementById(at);
    if (again) { again.focus(); if (pos !== null) again.setSelectionRange(pos, pos); }
  });
};
let typing = 0;
document.addEventListener('input', e => {
  const form = e.target.closest('form');
  if (!form) return;
  if (e.target.dataset.narrow) { narrow(e.target); return; }
  clearTimeout(typing);
  if (form.dataset.live !== undefined) typing = setTimeout(() => filter(form), e.target.type === 'search' ? 250 : 0);
  else if (form.dataset.preview) typing = setTimeout(() => preview(form), 400);
});
document.addEventListener('change', e => {
  if (e.target.matches('[data-stored]')) all('[data-finish]').forEach(b => { b.disabled = !e.target.checked; });
  if (e.target.matches('[data-all]')) all(e.target.dataset.all).forEach(b => { b.checked = e.target.checked; });
});
// narrow hides the boxes of a list that do not have what was typed.
const narrow = input => {
  const want = input.value.toLowerCase();
  all(input.dataset.narrow + ' .box').forEach(b => { b.hidden = !b.textContent.toLowerCase().includes(want); });
};
// preview shows what a form would be as a command.
const preview = async form => {
  const into = $('[data-as]', form);
  if (!into || !into.closest('details').open) return;
  const body = new URLSearchParams(new FormData(form));
  const res = await fetch(form.dataset.preview, { method: 'POST', body, headers: { 'X-Fragment': '1' } }).catch(() => null);
  if (res && res.ok) { into.innerHTML = await res.text(); ready(into); }
};
document.addEventListener('toggle', e => {
  const form = e.target.closest && e.target.closest('form[data-preview]');
  if (form && e.target.open) preview(form);
}, true);

// Keys. None with a bare letter while one types.
const box = $('#palette'), input = $('#palette-input'), list = $('#palette-list');
const palette = () => { if (!box) return; input.value = ''; pick(); box.showModal(); input.focus(); };
let found = [];
const pick = (move = 0) => {
  const want = input.value.toLowerCase().trim();
  all('.search', list).forEach(li => li.remove());
  found = all('li', list).filter(li => { li.hidden = want && !li.textContent.toLowerCase().includes(want); return !li.hidden; });
  if (want && input.dataset.search) {
    const li = document.createElement('li'), a = document.createElement('a');
    a.href = input.dataset.search + '?q=' + encodeURIComponent(input.value.trim());
    a.textContent = 'Search clients for “' + input.value.trim() + '”';
    li.className = 'search'; li.append(a); list.append(li); found.push(li);
  }
  const now = Math.max(0, found.findIndex(li => $('a.on', li)));
  all('a.on', list).forEach(a => a.classList.remove('on'));
  const next = found[move ? (now + move + found.length) % found.length : 0];
  if (next) { $('a', next).classList.add('on'); next.scrollIntoView({ block: 'nearest' }); }
};
if (input) {
  input.addEventListener('input', () => pick());
  input.addEventListener('keydown', e => {
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') { e.preventDefault(); pick(e.key === 'ArrowDown' ? 1 : -1); }
    if (e.key === 'Enter') { e.preventDefault(); const a = $('a.on', list); if (a) location.assign(a.href); }
  });
}
let go = 0;
document.addEventListener('keydown', e => {
  if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === 'k' && box) {
    e.preventDefault();
    if (box.open) box.close(); else if (!dialog.open) palette();
    return;
  }
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest('input,textarea,select,[contenteditable]') || $('dialog[open]')) return;
  if (go && Date.now() - go < 1500) {
    go = 0;
    const to = $(`[data-go="${CSS.escape(e.key)}"]`);
    if (to) { e.preventDefault(); location.assign(to.href); }
    return;
  }
  const create = $('[data-create]'), back = $('[data-back]'), search = $('input[type=search]', $('#content'));
  if (e.key === 'g') go = Date.now();
  else if (e.key === '/' && search) { e.preventDefault(); search.focus(); }
  else if (e.key === 'c' && create) { e.preventDefault(); create.click(); }
  else if (e.key === '?' && $('#keys')) { e.preventDefault(); $('#keys').showModal(); }
  else if (e.key === 'Escape') {
    const menu = $('details.switch[open]');
    if (menu) { menu.open = false; $('summary', menu).focus(); } else if (back) location.assign(back.href);
  }
});
ready(document);
})();
