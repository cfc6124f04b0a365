'use strict';

module.exports = {
  numbers: require('./numbers'),
  text: require('./text'),
  bytes: require('./bytes'),
  times: require('./times'),
  intervals: require('./intervals'),
  documents: require('./documents'),
  arrays: require('./arrays'),
  structures: require('./structures'),
};
