// npm @cedx/akismet.
import { pathToFileURL } from 'node:url';

// Node searches for modules beside the script, and the package is elsewhere.
const entry = pathToFileURL(`${process.cwd()}/node_modules/@cedx/akismet/lib/index.js`);
const { Author, Blog, CheckResult, Client, Comment } = await import(entry);

const { KEY, WRONG_KEY, BLOG, HAM, SPAM, SERVICE } = process.env;
const blog = new Blog({ url: BLOG, charset: 'UTF-8', languages: ['en'] });
const commentOf = (name, content) =>
  new Comment({
    author: new Author({ name, ipAddress: '192.0.2.7', userAgent: 'Mozilla/5.0' }),
    content,
    context: ['bread', 'ovens'],
    date: new Date(),
    type: 'comment',
  });
const names = { [CheckResult.ham]: 'ham', [CheckResult.spam]: 'spam', [CheckResult.pervasiveSpam]: 'discard' };
const verdict = async (client, comment) => {
  try {
    return names[await client.checkComment(comment)];
  } catch {
    return 'error';
  }
};

const options = SERVICE ? { baseUrl: `https://${SERVICE}` } : {};
const client = new Client(KEY, blog, options);
const stranger = new Client(WRONG_KEY, blog, options);
const ham = commentOf('Anna', HAM);
const spam = commentOf('viagra-test-123', SPAM);
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
