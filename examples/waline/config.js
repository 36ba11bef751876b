// Waline with a judge: a comment is published, held or refused by its verdict.
// vanilla.js reads this file beside it: node_modules/@waline/vercel/config.js.
const { appendFile, readFile } = require('node:fs/promises');

const { MODERATION_ADDRESS, MODERATION_KEY, MODERATION_FILE, SITE_URL = '' } = process.env;
const TIMEOUT_MILLISECONDS = 3000;
const STATUSES = { review: 'waiting', spam: 'spam' };
const LABELS = { approved: 'ham', spam: 'spam' };

async function call(method, path, body) {
  const answer = await fetch(`${MODERATION_ADDRESS}/v1/${path}`, {
    method,
    headers: { Authorization: `Bearer ${MODERATION_KEY}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
  });
  if (!answer.ok) throw new Error(`Moderation answered with status ${answer.status}.`);
  return answer.json();
}

// Without an answer the comment waits for a moderator of Waline.
function judge(fields) {
  return call('POST', 'score', fields).catch((error) => {
    console.error(`Moderation gave no verdict: ${error.message}`);
    return { verdict: 'review', id: null };
  });
}

function isAdministrator({ userInfo }) {
  return userInfo?.type === 'administrator';
}

// The decision on a comment, which Waline has no field for: one line for each, with both ids.
async function decisionOf(commentId) {
  const lines = (await readFile(MODERATION_FILE, 'utf8').catch(() => '')).split('\n');
  return lines.find((line) => line.startsWith(`${commentId} `))?.split(' ')[1];
}

module.exports = {
  async preSave(comment) {
    if (isAdministrator(this.ctx.state)) return undefined;
    const { comment: text, nick: author, mail: email, link: url, url: path } = comment;
    const decision = await judge({ text, author, email, url, permalink: `${SITE_URL}${path}` });
    if (decision.verdict === 'discard') return { errmsg: 'This comment was refused.' };
    // A verdict never publishes a comment that Waline holds by its own rules.
    comment.status = STATUSES[decision.verdict] ?? comment.status;
    this.ctx.state.decisionId = decision.id;
    return undefined;
  },

  async postSave(comment) {
    const { decisionId } = this.ctx.state;
    if (decisionId) await appendFile(MODERATION_FILE, `${comment.objectId} ${decisionId}\n`);
  },

  async preUpdate({ objectId, status, comment: text }) {
    if (!isAdministrator(this.ctx.state)) {
      const edited = text === undefined ? { verdict: 'publish' } : await judge({ text });
      return edited.verdict === 'publish' ? undefined : 'This change was refused.';
    }
    const decisionId = LABELS[status] && (await decisionOf(objectId));
    if (decisionId) {
      const label = { label: LABELS[status], labelled_by: 'Waline' };
      await call('PUT', `decisions/${decisionId}/label`, label).catch((error) => console.error(error.message));
    }
    return undefined;
  },
};
