// npm form-data over Node's own https.
const { createRequire } = require('node:module');
const FormData = createRequire(`${process.cwd()}/`)('form-data');

const { KEY, WRONG_KEY, BLOG, HAM, SPAM, SERVICE = 'rest.akismet.com' } = process.env;
const visitor = { user_ip: '192.0.2.7', user_agent: 'Mozilla/5.0', comment_type: 'comment' };
const ham = { ...visitor, comment_author: 'Anna', comment_content: HAM };
const spam = { ...visitor, comment_author: 'viagra-test-123', comment_content: SPAM };
const names = { true: 'spam', false: 'ham' };
const thanks = 'Thanks for making the web a better place.';

function call(key, path, fields) {
  const form = new FormData();
  Object.entries({ ...fields, key, blog: BLOG }).forEach(([name, value]) => form.append(name, value));
  return new Promise((resolve, reject) => {
    form.submit(`https://${key}.${SERVICE}/1.1/${path}`, (error, response) => {
      if (error) return reject(error);
      let body = '';
      response.setEncoding('utf8').on('data', (part) => { body += part; }).on('end', () => resolve(body));
    });
  });
}

const verdict = async (key, comment) => names[await call(key, 'comment-check', comment)] ?? 'error';

async function main() {
  const answers = {
    verified: (await call(KEY, 'verify-key', {})) === 'valid',
    wrong_verified: (await call(WRONG_KEY, 'verify-key', {})) !== 'invalid',
    ham: await verdict(KEY, ham),
    spam: await verdict(KEY, spam),
    wrong: await verdict(WRONG_KEY, ham),
    submitted: (await call(KEY, 'submit-ham', ham)) === thanks && (await call(KEY, 'submit-spam', spam)) === thanks,
  };
  process.stdout.write(JSON.stringify(answers));
}

main();
