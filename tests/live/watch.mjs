// Follows one job with the clients that others wrote, one JSON line for each thing heard.
// node watch.mjs ws|sse <url of /graphql> <access token> <id of a job>
import { createClient as overSocket } from 'graphql-ws';
import { createClient as asEvents } from 'graphql-sse';
import WebSocket from 'ws';

const [way, url, token, id] = process.argv.slice(2);
const say = what => console.log(JSON.stringify(what));
const client = way === 'ws'
  ? overSocket({
      url: url.replace(/^http/, 'ws'),
      connectionParams: { authorization: `Bearer ${token}` },
      webSocketImpl: WebSocket, retryAttempts: 0,
      on: { connected: () => say({ heard: 'connected' }), closed: e => say({ heard: 'closed', code: e.code }) },
    })
  : asEvents({ url, headers: { authorization: `Bearer ${token}` }, retryAttempts: 0 });

const query = 'subscription($id: ID!) { jobProgress(id: $id) { state progressDone } }';
await new Promise(done => client.subscribe({ query, variables: { id } }, {
  next: answer => say(answer.errors ? { errors: answer.errors.map(e => e.extensions.code) } : answer.data),
  error: error => {
    say({ heard: 'error', codes: Array.isArray(error) ? error.map(e => e.extensions?.code) : String(error) });
    done();
  },
  complete: () => { say({ heard: 'complete' }); done(); },
}));
await client.dispose();
