// Twikoo's spam check, without the rest of Twikoo. It verifies the key before each check, and submits nothing.
process.env.TWIKOO_LOG_LEVEL = 'error';
console.error = () => {};
const { KEY, WRONG_KEY, BLOG, HAM, SPAM } = process.env;
const { postCheckSpam } = require('node:module').createRequire(`${process.cwd()}/`)('twikoo-func/utils/spam');

const names = new Map([[true, 'spam'], [false, 'ham'], [undefined, 'error']]);

async function verdict(key, nick, comment) {
  const sent = { ip: '192.0.2.7', ua: 'Mozilla/5.0', href: `${BLOG}/bread`, nick, mail: 'a@post.example', comment };
  return names.get(await postCheckSpam(sent, { AKISMET_KEY: key, SITE_URL: BLOG }));
}

async function main() {
  const answers = {
    verified: null,
    wrong_verified: null,
    ham: await verdict(KEY, 'Anna', HAM),
    spam: await verdict(KEY, 'viagra-test-123', SPAM),
    wrong: await verdict(WRONG_KEY, 'Anna', HAM),
  };
  process.stdout.write(JSON.stringify({ ...answers, submitted: null }));
}

main();
