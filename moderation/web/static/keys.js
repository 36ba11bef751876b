// Single-key shortcuts of the queue: which key stands for which command, and the dialog in which a person changes that.
// The dialog's rows, `[data-command]`, are the commands; `data-needs` is the selector of what a command is about. A command
// becomes the event `queue:command` on the document.

const STORED = 'moderation.keys';
const dialog = document.getElementById('keys');
const rows = [...dialog.querySelectorAll('[data-command]')];
const inputs = new Map(rows.map(row => [row.dataset.command, row.querySelector('input')]));
const enabled = dialog.querySelector('[name=enabled]');
const problem = dialog.querySelector('[role=alert]');

function stored() {
  // A browser may refuse storage, and what is stored may be of another version.
  try {
    return {enabled: true, keys: {}, ...JSON.parse(localStorage.getItem(STORED))};
  } catch {
    return {enabled: true, keys: {}};
  }
}

function store(changes) {
  try {
    localStorage.setItem(STORED, JSON.stringify({...stored(), ...changes}));
  } catch { /* The change holds until the page is left. */ }
}

function show() {
  const {enabled: on, keys} = stored();
  enabled.checked = on;
  for (const [command, input] of inputs) input.value = keys[command] ?? input.defaultValue;
  problem.textContent = '';
}

function isUsed(row) {
  return !row.dataset.needs || document.querySelector(row.dataset.needs) !== null;
}

function rowOf(key) {
  return rows.find(row => inputs.get(row.dataset.command).value === key && isUsed(row));
}

/** Return the typed character, or that of the key's place on a layout without Latin letters. */
function keyOf(event) {
  if (/^[\x20-\x7e]$/.test(event.key)) return event.key;
  const place = /^(?:Key|Digit)([A-Z0-9])$/.exec(event.code);
  return place && !event.shiftKey ? place[1].toLowerCase() : undefined;
}

function isTyping(target) {
  return target instanceof Element && target.closest('input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], dialog');
}

document.addEventListener('keydown', event => {
  if (!enabled.checked || event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping(event.target) || dialog.open || event.key === ' ') return;
  const row = rowOf(keyOf(event));
  // A key that is held down moves, but decides once.
  if (!row || event.repeat && !/^(next|previous)$/.test(row.dataset.command)) return;
  event.preventDefault();
  document.dispatchEvent(new CustomEvent('queue:command', {detail: row.dataset}));
});

for (const [command, input] of inputs) {
  input.addEventListener('change', () => {
    const key = input.value;
    const other = [...inputs].find(([name, {value}]) => name !== command && value === key);
    show();
    if (!/^[\x21-\x7e]$/.test(key) || other) {
      problem.textContent = other ? `The key ${key} stands for another command already.` : 'A key is one visible character.';
    } else {
      store({keys: {...stored().keys, [command]: key}});
      input.value = key;
    }
  });
}
enabled.addEventListener('change', () => store({enabled: enabled.checked}));
dialog.querySelector('[name=reset]').addEventListener('click', () => { store({enabled: true, keys: {}}); show(); });

function open() {
  for (const row of rows) row.hidden = !isUsed(row);
  dialog.showModal();
}

document.addEventListener('queue:command', ({detail: {command}}) => { if (command === 'help') open(); });
for (const button of document.querySelectorAll('[data-opens=keys]')) button.addEventListener('click', open);
show();
