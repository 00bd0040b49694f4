#!/usr/bin/env node
// Greets somebody: parameters as JSON on standard input, the result as JSON on standard output.
'use strict';

const fs = require('fs');

function run({ name = 'world', greeting = 'Hello' }) {
  if (typeof name !== 'string' || name.trim() === '') {
    throw new Error('name is empty');
  }
  return { message: `${greeting}, ${name.trim()}!` };
}

if (require.main === module) {
  try {
    const text = fs.readFileSync(0, 'utf8');
    const result = run(text.trim() === '' ? {} : JSON.parse(text));
    console.log(JSON.stringify(result));
  } catch (problem) {
    // One line on standard error and an exit code: that is how an action fails.
    console.error(`hello: ${problem.message}`);
    process.exit(1);
  }
}

module.exports = { run };
