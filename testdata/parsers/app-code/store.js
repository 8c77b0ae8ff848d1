const redis = require('redis');
const client = redis.createClient();

async function save(id, session) {
  await client.set(
    `basket:${id}`,
    JSON.stringify(session),
  );
}

async function touch(id, session) {
  await client.set(`seen:${id}`, '1', { EX: 60 });
  new Map().set('a', 'b');
}
