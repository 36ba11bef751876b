// Waline's Akismet module, without the rest of Waline. It verifies the key before each check, and submits nothing.
const { BLOG } = process.env;
process.env.SITE_URL = BLOG;
const akismet = require('node:module').createRequire(`${process.cwd()}/`)('@waline/vercel/src/service/akismet.js');

async function verdict(key, nick, comment) {
  process.env.AKISMET_KEY = key;
  try {
    return (await akismet({ ip: '192.0.2.7', url: '/bread', nick, comment }, BLOG)) ? 'spam' : 'ham';
  } catch {
    return 'error';
  }
}

require('./checks_only.cjs')(verdict);
