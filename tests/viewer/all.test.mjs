import './data.test.mjs';
import './browser.test.mjs';
