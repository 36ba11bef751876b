// Twikoo's spam check, without the rest of Twikoo. It verifies the key before each check, and submits nothing.
process.env.TWIKOO_LOG_LEVEL = 'error';
console.error = () => {};
const { BLOG } = process.env;
const { postCheckSpam } = require('node:module').createRequire(`${process.cwd()}/`)('twikoo-func/utils/spam');

const names = new Map([[true, 'spam'], [false, 'ham'], [undefined, 'error']]);

async function verdict(key, nick, comment) {
  const sent = { ip: '192.0.2.7', ua: 'Mozilla/5.0', href: `${BLOG}/bread`, nick, mail: 'a@post.example', comment };
  return names.get(await postCheckSpam(sent, { AKISMET_KEY: key, SITE_URL: BLOG }));
}

require('./checks_only.cjs')(verdict);
