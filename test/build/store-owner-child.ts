/** Prints what `workAsOwner STORE PROGRAM` says, and who this process is then, as JSON. */
import { workAsOwner } from '../../src/build/store-owner.ts';

const [store = '', program] = process.argv.slice(2);
const result = await workAsOwner(store, program);
console.log(JSON.stringify({ result, user: process.getuid?.(), groups: process.getgroups?.() }));
