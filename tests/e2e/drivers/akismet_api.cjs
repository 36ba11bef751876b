// npm akismet-api.
const { createRequire } = require('node:module');
const { AkismetClient } = createRequire(`${process.cwd()}/`)('akismet-api');

const { KEY, WRONG_KEY, BLOG, HAM, SPAM, SERVICE } = process.env;
const visitor = { ip: '192.0.2.7', useragent: 'Mozilla/5.0' };
const ham = { ...visitor, name: 'Anna', content: HAM };
const spam = { ...visitor, name: 'viagra-test-123', content: SPAM };

async function verdict(client, comment) {
  try {
    return (await client.checkSpam(comment)) ? 'spam' : 'ham';
  } catch {
    return 'error';
  }
}

async function main() {
  const client = new AkismetClient({ key: KEY, blog: BLOG, host: SERVICE });
  const stranger = new AkismetClient({ key: WRONG_KEY, blog: BLOG, host: SERVICE });
  const answers = {
    verified: await client.verifyKey(),
    wrong_verified: await stranger.verifyKey(),
    ham: await verdict(client, ham),
    spam: await verdict(client, spam),
    wrong: await verdict(stranger, ham),
  };
  await client.submitHam(ham);
  await client.submitSpam(spam);
  process.stdout.write(JSON.stringify({ ...answers, submitted: true }));
}

main();
