// The script of the GraphiQL page without a browser: its fetcher follows one job; one JSON line for each answer.
// node graphiql.mjs <address of the server> <access token> <id of a job>
import vm from 'node:vm';
import { parse } from 'graphql';
import WebSocket from 'ws';

const [address, token, id] = process.argv.slice(2);
const page = await (await fetch(`${address}/graphql`, { headers: { accept: 'text/html' } })).text();
const sources = [...page.matchAll(/<script src="([^"]+)"/g)].map(found => found[1]);
const own = page.match(/<script nonce="[^"]+">([\s\S]*?)<\/script>/)[1];
const client = await (await fetch(address + sources.find(path => path.includes('graphql-ws')))).text();

let fetcher;
const plain = globalThis.fetch;
const field = { value: '', addEventListener() {} };
Object.assign(globalThis, {
  WebSocket, fetch: (path, options) => plain(new URL(path, address), options),
  document: { getElementById: () => field }, sessionStorage: { getItem: () => token, setItem() {} },
  location: { origin: address }, GraphiQL: 'GraphiQL', React: { createElement: (_, given) => { fetcher = given.fetcher; } },
  ReactDOM: { render() {} },
});
vm.runInThisContext(client);
vm.runInThisContext(own);

const query = 'subscription($id: ID!) { jobProgress(id: $id) { state } }';
await new Promise(done => fetcher({ query, variables: { id } }, { documentAST: parse(query) }).subscribe({
  next: answer => console.log(JSON.stringify(answer.data)), error: error => { console.log(error); done(); }, complete: done,
}));
