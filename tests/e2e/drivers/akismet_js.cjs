// npm akismet, over https; it answers "not spam" after the reply `invalid`.
const { promisify } = require('node:util');
const { createRequire } = require('node:module');
const akismet = createRequire(`${process.cwd()}/`)('akismet');

const { KEY, WRONG_KEY, BLOG, HAM, SPAM, SERVICE } = process.env;
const visitor = { user_ip: '192.0.2.7', user_agent: 'Mozilla/5.0' };
const ham = { ...visitor, comment_author: 'Anna', comment_content: HAM };
const spam = { ...visitor, comment_author: 'viagra-test-123', comment_content: SPAM };

function clientOf(apiKey) {
  const client = akismet.client({ blog: BLOG, apiKey, port: 443, host: SERVICE });
  const call = (name) => promisify(client[name].bind(client));
  return {
    verify: call('verifyKey'),
    check: async (comment) => ((await call('checkComment')({ ...comment })) ? 'spam' : 'ham'),
    submitHam: call('submitHam'),
    submitSpam: call('submitSpam'),
  };
}

async function main() {
  const client = clientOf(KEY);
  const stranger = clientOf(WRONG_KEY);
  const answers = {
    verified: await client.verify(),
    wrong_verified: await stranger.verify(),
    ham: await client.check(ham),
    spam: await client.check(spam),
    wrong: await stranger.check(ham),
  };
  await client.submitHam({ ...ham });
  await client.submitSpam({ ...spam });
  process.stdout.write(JSON.stringify({ ...answers, submitted: true }));
}

main();
