// NodeBB's spam-be-gone: its Akismet module, which asks NodeBB for nothing but the version.
const { createRequire } = require('node:module');

const fromFolder = createRequire(`${process.cwd()}/`);
const folder = `${process.cwd()}/node_modules/nodebb-plugin-spam-be-gone`;
require.main.require = () => ({ paths: { currentPackage: `${folder}/package.json` } });
const akismet = fromFolder('nodebb-plugin-spam-be-gone/lib/akismet');

const { KEY, WRONG_KEY, BLOG, HAM, SPAM } = process.env;
const commentOf = (author, content) => ({
  user_ip: '192.0.2.7',
  user_agent: 'Mozilla/5.0',
  comment_author: author,
  comment_content: content,
  comment_type: 'comment',
});
const verdict = async (comment) => ((await akismet.checkSpam(comment)) ? 'spam' : 'ham');

async function main() {
  const wrong_verified = await akismet.verifyKey(WRONG_KEY, BLOG);
  const wrong = await verdict(commentOf('viagra-test-123', HAM));
  const verified = await akismet.verifyKey(KEY, BLOG);
  const [ham, spam] = [commentOf('Anna', HAM), commentOf('viagra-test-123', SPAM)];
  const answers = { verified, wrong_verified, ham: await verdict(ham), spam: await verdict(spam), wrong };
  await akismet.submitHam(ham);
  await akismet.submitSpam(spam);
  process.stdout.write(JSON.stringify({ ...answers, submitted: true }));
}

main();
