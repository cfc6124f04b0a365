'use strict';

require('./works.cjs')(require('pgfleet'), require('pgfleet/pg'));
